import { formatDuration } from '@runctl/core';
import type { Fit } from '@runctl/protocol';
import { type FitObservations, median } from './observations.ts';

/**
 * Mean time between interruptions where this run has not seen enough of its own: public traces of AWS V100 spot pools of
 * 2023 (skypilot-org/spot-traces, preemption files) have means of 1.4 to 3.1 h. Most pools are far calmer (AWS: under 5 % a
 * month typically), so this errs towards saving too often.
 */
const ASSUMED_INTERRUPTION_MS = 2 * 3_600_000;
const OWN_INTERRUPTIONS = 3;

interface Measured extends FitObservations {
  readonly save: Fit['save'];
  readonly upload: Fit['upload'];
  readonly verdict: Fit['verdict'];
}

/**
 * The interval between checkpoints at which stalls and lost work cost the least: √(2·C·M/(1−q)), Young's formula with a
 * working final save (q of the interruptions lose nothing), never shorter than one save and upload. C is the time of a
 * save, which overestimates the stall of scripts that save in the background. Null while C is unknown.
 */
export function suggestInterval(observed: Measured): Fit['interval'] {
  const costMs = median(observed.savesMs) ?? observed.save.ms;
  if (costMs === null) return null;
  const rate = interruptionRate(observed);
  const final = reliability(observed);
  const bestMs = Math.sqrt((2 * costMs * rate.everyMs) / (1 - final.share));
  const shortestMs = (observed.save.ms ?? costMs) + (observed.upload.ms ?? 0);
  const parts = [`a save costs ${formatDuration(costMs)}`, rate.text, final.text];
  if (bestMs < shortestMs) parts.push(`a save and its upload take ${formatDuration(shortestMs)}`);
  return {
    nowMs: median(observed.intervalsMs),
    suggestedMs: Math.round(Math.max(bestMs, shortestMs)),
    reason: parts.join('; '),
  };
}

function interruptionRate({ stops, ranMs }: FitObservations): { readonly everyMs: number; readonly text: string } {
  const count = stops.filter((stop) => stop.interruption).length;
  if (count >= OWN_INTERRUPTIONS && ranMs > 0) {
    const everyMs = ranMs / count;
    return { everyMs, text: `this run was interrupted each ${formatDuration(everyMs)}` };
  }
  const text = `an interruption each ${formatDuration(ASSUMED_INTERRUPTION_MS)} is assumed (hot GPU pools of 2023; most are calmer)`;
  return { everyMs: ASSUMED_INTERRUPTION_MS, text };
}

/** By the rule of succession, (saved + 1) of (seen + 2), so that one success is not yet taken for certainty. */
function reliability({ stops, verdict }: Measured): { readonly share: number; readonly text: string } {
  const interruptions = stops.filter((stop) => stop.interruption);
  if (verdict === 'does-not-fit') return { share: 0, text: 'the final save is not counted on' };
  if (interruptions.length === 0) return { share: 0, text: 'no final save was seen yet, so none is counted on' };
  const saved = interruptions.filter((stop) => stop.saved).length;
  const share = (saved + 1) / (interruptions.length + 2);
  return { share, text: `${saved} of ${interruptions.length} final saves came through` };
}
