import type { PeerOutcome } from './rehearse-peer.ts';

/** What was rehearsed, as the Markdown table of docs/checkpoints.md. */
export function drillTable(outcomes: readonly PeerOutcome[]): string {
  const rows = outcomes.map(rowOf);
  const lines = [
    ['framework', 'what the script does', 'verdict', 'interrupted → durable → resumed'],
    ['---', '---', '---', '---'],
  ];
  return [...lines, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function rowOf({ drill, version, report, beginnings }: PeerOutcome): readonly string[] {
  const interruptions = (report?.interruptions ?? []).map(({ kind, stepAtInterruption, durableStep }, index) => {
    const shown = [stepAtInterruption, durableStep, beginnings[index + 1]].map((step) => step ?? '?');
    return `${shown.join(' → ')}${kind === 'notice' ? '' : ' (no notice)'}`;
  });
  return [`${drill.framework} ${version}`, drill.does, report?.verdict ?? 'failed', interruptions.join('; ')];
}
