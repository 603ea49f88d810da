import { Command } from 'clipanion';
import { option } from '../options/declaration/option.ts';
import { machineOptions } from '../options/declared/machine-options.ts';
import { priceOptions } from '../options/declared/price-options.ts';
import { RunctlCommand, type Connected } from '../options/command.ts';

export class OffersCommand extends RunctlCommand {
  static override paths = [['offers']];
  static override usage = Command.Usage({
    category: 'account',
    description: 'Shows which machines can be had where, and what they cost now, without launching any.',
    details:
      'Each line is a pool: a type in a zone and a market, cheapest first. Whether a machine is left there, nobody tells before\n' +
      'one is asked for. Spot prices are of now; on-demand prices are those that AWS tells now, else of a list that runctl brings along, with its date.',
    examples: [
      ['the types that a launch takes by default', '$0 offers'],
      ['every type with one A10G and 32 GiB of memory or more', '$0 offers --gpus A10G:1 --memory 32+'],
      ['where the prices have been for three months', '$0 offers --gpus L4 --days 90'],
      ['ARM machines with 16 vCPUs, on demand', '$0 offers --arch arm64 --cpus 16 --on-demand'],
    ],
  });

  instanceTypes = option(machineOptions.instanceTypes);
  gpus = option(machineOptions.gpus);
  cpus = option(machineOptions.cpus);
  memory = option(machineOptions.memory);
  arch = option(machineOptions.arch);
  days = option(priceOptions.days);
  onDemand = option({ ...machineOptions.onDemand, help: 'only on-demand machines' });

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    return this.withCloud((connected) => this.show(connected), { bucketMayBeMissing: true });
  }

  private async show({ cloud, settings }: Connected): Promise<number> {
    const { listOffers } = await import('@runctl/operations/offers');
    const { givenProviderSettings } = await import('../settings/provider-settings.ts');
    const { carriedAt } = await import('../settings/carried.ts');
    const wish = {
      ...carriedAt(settings, 'machine'),
      providerSettings: givenProviderSettings(settings),
      market: settings.on_demand ? ('on-demand' as const) : null,
      days: this.days ?? null,
    };
    const offers = await listOffers({ clock: this.context.clock, provider: cloud.provider }, wish);
    if (this.json) for (const offer of offers) this.printJson(offer);
    else this.print((await import('../render/offers.ts')).renderOffers(offers));
    return 0;
  }
}
