import type { PassReport } from '@runctl/checkpoint';

/** Of a pass that found nothing, but for what is given. */
export const passReport = (report: Partial<PassReport>): PassReport => ({
  published: null,
  durable: null,
  candidates: [],
  notDurable: [],
  passedOver: [],
  refused: null,
  unsettled: false,
  error: null,
  ...report,
});
