import { isPartOf, isRunner, runs, runsSource } from './kinship.ts';

/** What decides whether a process of the workload is told to stop, and when. */
export interface StopCandidate {
  readonly pid: number;
  readonly parent: number;
  /** Each word ends with a NUL. */
  readonly command: string;
  /** Whether a handler of its own, or a thread that waits for it, gets SIGTERM. */
  readonly catchesTerm: boolean;
  /** Whether it has no handler and ignores SIGTERM: it may watch the preempt file instead. */
  readonly ignoresTerm: boolean;
  /** Whether a launcher started it as one of its workers. */
  readonly isRank: boolean;
  /** Whether it was seen with a file of the checkpoint folder open for writing. */
  readonly hasWritten: boolean;
  /** Whether its input comes through a pipe: others may end with it. */
  readonly readsPipe: boolean;
}

export interface StopOrder {
  /** Those who save, or all but helpers where nobody can. SIGTERM goes to them first. */
  readonly first: readonly StopCandidate[];
  /** Others that catch SIGTERM for themselves and may save too: they get it when the first have ended, or when time presses. */
  readonly second: readonly StopCandidate[];
  /** Their ancestors: they get it when the first have ended, before they could start them again. */
  readonly above: readonly StopCandidate[];
  /** Whether all others wait until the first have ended, since these may be saving. */
  readonly isAwaited: boolean;
}

/**
 * Orders the processes of a workload such that SIGTERM reaches those who save, and nobody whose end would take them down
 * before they have ended. All others (ends of pipes, helpers) have their turn once the first are gone.
 *
 * Who does not catch SIGTERM can't save at it. Of those who catch it, a process forked from another has its handler by
 * inheritance and serves the other; a shell, a launcher of ranks and a program that runs the other's very command pass on
 * what is not theirs. Of the rest the uppermost counts, as it does for whoever signals one process only, unless it has
 * never been seen writing a checkpoint and one that it started has. Where nobody catches it, scripts that ignore it below a
 * shell may save when they see the preempt file: the shell, and the ends of its pipes, must not go before them.
 */
export function stopOrder(members: readonly StopCandidate[]): StopOrder {
  const byPid = new Map(members.map((each) => [each.pid, each]));
  const { savers, others } = new Catchers(members, byPid).split();
  const heads = members.filter((each) => !isPart(each, byPid.get(each.parent)));
  const awaited = savers.length > 0 ? savers : ignoringBelowRunners(heads, byPid);
  const first = new Set((awaited.length > 0 ? awaited : heads).map(({ pid }) => pid));
  const above = new Set(members.filter(({ pid }) => first.has(pid)).flatMap((each) => ancestorsOf(each, byPid)));
  return {
    first: members.filter(({ pid }) => first.has(pid)),
    second: others.filter((each) => !above.has(each)),
    above: [...above].filter(({ pid }) => !first.has(pid)),
    isAwaited: awaited.length > 0,
  };
}

/** Scripts that ignore SIGTERM below a shell or the like; none where another script there dies by it. */
function ignoringBelowRunners(heads: readonly StopCandidate[], byPid: ByPid): readonly StopCandidate[] {
  const scripts = heads.filter((each) => runsSource(each) && ancestorsOf(each, byPid).some(isRunner));
  return scripts.every((each) => each.ignoresTerm) ? scripts : [];
}

type ByPid = ReadonlyMap<number, StopCandidate>;

/** From the parent upwards. */
function ancestorsOf(of: StopCandidate, byPid: ByPid): readonly StopCandidate[] {
  const found: StopCandidate[] = [];
  for (let at = byPid.get(of.parent); at !== undefined && at !== of && !found.includes(at); at = byPid.get(at.parent))
    found.push(at);
  return found;
}

/** Whether it is a further process of its parent's program. */
function isPart(member: StopCandidate, parent: StopCandidate | undefined): boolean {
  return parent !== undefined && isPartOf(member, parent) && !isSecondRank(member, parent);
}

/** Lightning starts the script again for each further rank, with the same words: those are its equals. */
function isSecondRank(member: StopCandidate, parent: StopCandidate): boolean {
  return member.isRank && !parent.isRank && member.command === parent.command;
}

/** Whether a process above it in its own program catches SIGTERM. */
function servesACatcher(member: StopCandidate, byPid: ByPid): boolean {
  let at = member;
  for (const above of ancestorsOf(member, byPid)) {
    if (!isPart(at, above)) return false;
    if (above.catchesTerm) return true;
    at = above;
  }
  return false;
}

/** Those who catch SIGTERM on their own account, and who of them runs below whom. */
class Catchers {
  readonly #above = new Map<StopCandidate, StopCandidate | undefined>();
  readonly #byPid: ByPid;
  /** Those who wrote checkpoints, by themselves or by processes below them that do not catch SIGTERM for themselves. */
  readonly #writers: ReadonlySet<StopCandidate | undefined>;

  constructor(members: readonly StopCandidate[], byPid: ByPid) {
    this.#byPid = byPid;
    const catchers = new Set(members.filter((each) => each.catchesTerm && !servesACatcher(each, byPid)));
    const nearest = (line: readonly StopCandidate[]) => line.find((each) => catchers.has(each));
    for (const each of catchers) this.#above.set(each, nearest(ancestorsOf(each, byPid)));
    const writing = members.filter((each) => each.hasWritten);
    this.#writers = new Set(writing.map((each) => nearest([each, ...ancestorsOf(each, byPid)])));
  }

  /** Those who save by the best evidence there is, and the others who may. */
  split(): { readonly savers: readonly StopCandidate[]; readonly others: readonly StopCandidate[] } {
    const all = this.#below(undefined).flatMap((top) => this.#saversFrom(top));
    const savers = this.#training(all);
    return { savers, others: all.filter((each) => !savers.includes(each) && !isRunner(each) && !each.readsPipe) };
  }

  #below(above: StopCandidate | undefined): readonly StopCandidate[] {
    return [...this.#above].filter(([, found]) => found === above).map(([each]) => each);
  }

  #saversFrom(top: StopCandidate): readonly StopCandidate[] {
    const below = this.#below(top);
    const saversOf = (chosen: readonly StopCandidate[]) => chosen.flatMap((each) => this.#saversFrom(each));
    const equals = below.filter((each) => isSecondRank(each, top));
    if (equals.length > 0) return [top, ...saversOf(equals)];
    const passedOnTo = below.filter((each) => this.#passesOn(top, each));
    if (passedOnTo.length > 0) return saversOf(passedOnTo);
    const writers = this.#writers.has(top) ? [] : saversOf(below).filter((each) => this.#writers.has(each));
    return writers.length > 0 ? writers : [top];
  }

  /** Whether SIGTERM is meant for the lower of two, though the upper catches it. */
  #passesOn(top: StopCandidate, below: StopCandidate): boolean {
    if (isRunner(top) || (below.isRank && !top.isRank)) return true;
    if (top.hasWritten) return false;
    const ancestors = ancestorsOf(below, this.#byPid);
    return [below, ...ancestors.slice(0, ancestors.indexOf(top))].some(
      (each) => each.command !== top.command && runs(top, each),
    );
  }

  /** Leaves out services that run beside the training, by the best evidence there is. */
  #training(savers: readonly StopCandidate[]): readonly StopCandidate[] {
    const writers = savers.filter((each) => this.#writers.has(each));
    const isEqual = (each: StopCandidate): boolean =>
      writers.some((one) => (one.isRank && each.isRank) || one.command === each.command);
    if (writers.length > 0) return savers.filter(isEqual);
    const ranks = savers.filter((each) => each.isRank || savers.some((other) => isSecondRank(other, each)));
    if (ranks.length > 0) return ranks;
    const scripts = savers.filter(runsSource);
    return scripts.length > 0 ? scripts : savers;
  }
}
