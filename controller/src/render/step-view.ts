import type { StepEvent } from '@runctl/protocol/events';
import type { TransferView } from './transfer.ts';

/** Shows passes that keep two places in step: only what is new in each, and what was refused or left out once. */
export function createStepView(
  view: TransferView,
  what: { readonly from: string; readonly to: string; readonly dryRun: boolean; readonly note: (text: string) => void },
): (event: StepEvent) => void {
  const { from, to, dryRun, note } = what;
  const reported = new Set<string>();
  return (event) => {
    if (event.type === 'unreachable') return note(`the bucket can't be reached: ${event.message}; trying again`);
    if (event.type === 'pass') {
      const { moved, failed, plan } = event.result;
      const isNews = moved.length > 0 || (dryRun && plan.some(({ kind }) => kind !== 'keep'));
      if (isNews) view.ended(event.result, { from, to, dryRun });
      for (const { path, error } of failed) note(`${path}: ${error}; trying again`);
      return;
    }
    if (event.type === 'refused' || event.type === 'skipped') {
      if (reported.has(event.path)) return;
      reported.add(event.path);
    }
    view.show(event);
  };
}
