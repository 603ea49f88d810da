import { median, type Row } from '../bench.ts';
import { cpuPerGiB, megabytesPerSecond, type Series, spread } from './interleaved.ts';

/** What stands in the peer's column where the machine lacks it: no failure, and no success either. */
export const NOT_INSTALLED = 'peer not installed';

/** A row whose judgement is a ratio of medians: smaller is better. */
export function ratioRow(
  what: string,
  goal: number,
  figures: {
    readonly ours: readonly number[];
    readonly peer: readonly number[] | null;
    /** With its version. */
    readonly peerName: string;
    readonly unit: string;
  },
): Row {
  const { ours, peer, peerName, unit } = figures;
  const ratio = peer === null ? null : median(ours) / median(peer);
  return {
    what,
    ours: `${spread(ours)} ${unit}`,
    peer: peer === null ? `${peerName}: ${NOT_INSTALLED}` : `${peerName}: ${spread(peer)} ${unit}`,
    ratio,
    goal: `≤ ${goal}`,
    met: ratio !== null && ratio <= goal,
  };
}

export function cpuRow(
  what: string,
  goal: number,
  figures: {
    readonly ours: Series | undefined;
    readonly peer: Series | undefined;
    readonly peerName: string;
    readonly sizeBytes: number;
  },
): Row {
  const perGiB = (series: Series | undefined) => (series === undefined ? null : cpuPerGiB(series, figures.sizeBytes));
  const { peerName } = figures;
  return ratioRow(what, goal, {
    ours: perGiB(figures.ours) ?? [],
    peer: perGiB(figures.peer),
    peerName,
    unit: 'cpu-s/GiB',
  });
}

/** For the record: how fast each was by the clock, beside a sink that needs the other core. */
export function reportedWall(what: string, ours: Series, peers: readonly Series[], sizeBytes: number): Row {
  const rate = (series: Series) => `${series.name} ${spread(megabytesPerSecond(series, sizeBytes), 0)} MB/s`;
  return {
    what,
    ours: rate(ours),
    peer: peers.map(rate).join(', '),
    ratio: null,
    goal: 'reported',
    met: true,
  };
}
