import { describe, expect, test } from 'vitest';
import { hasTorch, NO_TORCH } from '../support/debian-torch.ts';
import { drill } from '../support/drilling.ts';

/** `npm run peers` drills the other frameworks, which are not Debian's. */
describe.concurrent('a drill of two ranks under torchrun, with Debian’s PyTorch', () => {
  const options = { flags: [], args: ['130', '0.1'], holds: [70], asRanks: true };

  test('judges ranks that agree to stop and save as safe', async (context) => {
    if (!hasTorch()) context.skip(NO_TORCH);
    const { report } = await drill('examples/frameworks/torchrun-two-ranks.py', options);
    expect(report).toMatchObject({ verdict: 'safe', outcome: 'succeeded', finalStep: 130, reasons: [] });
    const [only] = report.interruptions;
    expect(only).toMatchObject({ kind: 'notice', lostSteps: 0 });
    expect(only?.durableStep).toBeGreaterThanOrEqual(70);
    expect(only?.resumedStep).toBe(only?.durableStep);
  });

  test('judges ranks that die at SIGTERM as unsafe, and what came after the last save as lost', async (context) => {
    if (!hasTorch()) context.skip(NO_TORCH);
    const { report } = await drill('e2e/peers/careless/torchrun-no-sigterm.py', options);
    expect(report).toMatchObject({ verdict: 'unsafe', outcome: 'succeeded', finalStep: 130 });
    const [only] = report.interruptions;
    expect(only?.lostSteps).toBeGreaterThan(0);
    expect(only?.resumedStep).toBe(only?.durableStep);
    expect(report.reasons.join()).toContain('no new complete checkpoint appeared after SIGTERM');
  });
});
