import { createImds, type Imds } from '@runctl/aws-wire';
import { createFleetEnder } from './fleet-ender.ts';
import { FakeClock } from '@runctl/testkit';
import { FleetServer } from '../../testing/fleet-server.ts';
import { ImdsServer } from '../../testing/imds-server.ts';
import { describeHost, type HostUnderTest } from '../conformance.ts';
import type { Host } from '../host.ts';
import { createEc2Host } from './ec2-host.ts';

import { instancePower } from './power.ts';

const FLEET = 'fleet-1';
const ANSWER_WITHIN_MS = 300;

/** `fleetTag`: whether the instance's metadata shows its tags. */
async function instance({ fleetTag }: { readonly fleetTag: boolean }): Promise<HostUnderTest> {
  const clock = new FakeClock(Date.now());
  const metadata = await ImdsServer.start({ instanceId: 'i-1', fleetId: fleetTag ? FLEET : null });
  const fleets = await FleetServer.start(FLEET);
  const commands: string[] = [];
  const clients: Imds[] = [];
  const open = (): Host => {
    const imds = createImds({ endpoint: metadata.endpoint, clock, timeoutMs: ANSWER_WITHIN_MS });
    clients.push(imds);
    const fleetEnder = createFleetEnder({
      endpoint: fleets.endpoint,
      region: 'us-east-1',
      credentials: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'secret' }),
      clock,
      timeoutMs: ANSWER_WITHIN_MS,
    });
    const power = instancePower(async (command, words) => {
      if (command === 'systemctl') return { code: 0, output: 'running\n' };
      commands.push([command, ...words].join(' '));
      return { code: 0, output: '' };
    });
    return createEc2Host({ imds, fleetEnder, power });
  };
  return {
    host: open(),
    again: open,
    clock,
    machines: { fleetId: FLEET, launchTemplateId: 'lt-1' },
    announcements: {
      notice: (inMs) => metadata.notice(inMs),
      withdrawNotice: () => metadata.set('meta-data/spot/instance-action', null),
      risk: () => metadata.set('meta-data/events/recommendations/rebalance', '{"noticeTime":"2026-01-01T00:00:00Z"}'),
      scheduledEvent: () =>
        metadata.set('meta-data/events/maintenance/scheduled', '[{"Code":"system-reboot","EventId":"e-1"}]'),
    },
    faults: {
      machine: (fault) => {
        const faults = { none: 'none', 'no-answer': 'hang', 'broken-answer': 'status-500' } as const;
        metadata.break(faults[fault]);
      },
      successors: (fault) => {
        fleets.fault = fault;
      },
    },
    wouldFollow: () => fleets.exists,
    powerEnd: 'off',
    commands,
    async [Symbol.asyncDispose]() {
      for (const imds of clients) imds.close();
      await metadata[Symbol.asyncDispose]();
      await fleets[Symbol.asyncDispose]();
    },
  };
}

const kinds = { announces: true, asks: true };
describeHost('an EC2 instance whose metadata shows its fleet', {
  open: () => instance({ fleetTag: true }),
  ...kinds,
});
describeHost('an EC2 instance whose metadata shows no tags', { open: () => instance({ fleetTag: false }), ...kinds });
