import type { EventOffer } from '../../port/index.ts';

/** A fleet's description of an event, taken apart. */
export interface FleetSentence {
  /** The launch specification that it names; null when it names none. */
  readonly offer: EventOffer | null;
  /** Why, as EC2 says it: without the specification and the words around it where those are known, else the whole text. */
  readonly reason: string;
  /** For how long the fleet does not try this specification again; null when it does not say. */
  readonly restMs: number | null;
}

/**
 * `g5.xlarge, ami-0a1b, Linux/UNIX`, and the zone where there is one. Seen in the EC2 user guide ("Fleet event types") and
 * in histories that people made public; the zone is missing where the error holds for the whole type.
 */
const SPECIFICATION =
  /([a-z][a-z0-9-]*\.[a-z0-9-]+), ami-[0-9a-f]+, [^,:"]+?(?:, ([a-z]+(?:-[a-z]+)+-\d[a-z0-9-]*))?(?= while launching|\s*[":,]|$)/;
const ERROR_MESSAGE = /\bError message:\s*(\S.*)$/s;
const REST = /\bnot be retried for at least (\d+) (second|minute|hour)/i;
const UNIT_MS: Readonly<Record<string, number>> = { second: 1000, minute: 60_000, hour: 3_600_000 };

/** Pure. A text of an unknown form is its own reason. */
export function readSentence(description: string): FleetSentence {
  const text = description.trim();
  const launched = launchedPlace(text);
  if (launched !== null) return launched;
  const found = SPECIFICATION.exec(text);
  const [, machineType, location] = found ?? [];
  const [, amount, unit] = REST.exec(text) ?? [];
  return {
    offer: machineType === undefined ? null : { machineType, location: location ?? null },
    reason: reasonIn(text, found),
    restMs: amount === undefined ? null : Number(amount) * (UNIT_MS[unit?.toLowerCase() ?? ''] ?? 0),
  };
}

function reasonIn(text: string, specification: RegExpExecArray | null): string {
  const quoted = ERROR_MESSAGE.exec(text)?.[1];
  if (quoted !== undefined) return quoted.trim();
  // Only where the specification leads is what follows the reason.
  if (specification?.index !== 0) return text;
  return text.slice(specification[0].length).replace(/^[\s:,"]+/, '') || text;
}

/** The one description that is JSON: of a machine that was launched. */
function launchedPlace(text: string): FleetSentence | null {
  if (!text.startsWith('{')) return null;
  try {
    const { instanceType, availabilityZone } = JSON.parse(text) as Record<string, unknown>;
    if (typeof instanceType !== 'string') return null;
    const location = typeof availabilityZone === 'string' ? availabilityZone : null;
    return { offer: { machineType: instanceType, location }, reason: '', restMs: null };
  } catch {
    return null;
  }
}
