import type { FleetEnder } from '@runctl/agent/host/ec2';
import type { Process } from '../process.ts';
import type { Random } from '../random.ts';
import type { Timeline } from '../timeline.ts';

export const FLEET_ID = 'fleet-simulated';

interface FleetSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  /** Machines that count for the fleet's one machine. */
  readonly serving: () => number;
  readonly boot: () => void;
  readonly deleting: (by: Process) => void;
}

/** An EC2 Fleet of type `maintain` with one machine: what is missing is started again, for as long as the fleet exists. */
export class Fleet {
  exists = true;
  /** Share of calls that EC2 refuses, and of answers that get lost. */
  trouble = 0;
  /** Until then the agent's role lacks the right to delete it (true time). */
  forbiddenUntilMs = 0;
  readonly #at: FleetSurroundings;
  #booting = 0;

  constructor(at: FleetSurroundings) {
    this.#at = at;
  }

  /** After every change of the machines. */
  reconcile(): void {
    const { boot, random, serving, timeline } = this.#at;
    if (!this.exists || serving() + this.#booting > 0) return;
    this.#booting++;
    timeline.after(random.int(1000, 8000), () => {
      this.#booting--;
      // What was on its way when the fleet was deleted may come all the same.
      if (this.exists || random.chance(0.3)) boot();
    });
  }

  /** A process's way to EC2. */
  ender(process: Process): FleetEnder {
    const call = <T>(perform: () => T): Promise<T> => {
      const { random } = process;
      const [refused, lost] = [random.chance(this.trouble), random.chance(this.trouble / 2)];
      return process.ask(random.int(20, 800), () => {
        if (refused) throw new Error('RequestLimitExceeded');
        const answer = perform();
        if (lost) throw new Error('the connection broke');
        return answer;
      });
    };
    return {
      mayDelete: () => call(() => this.#at.timeline.nowMs >= this.forbiddenUntilMs),
      delete: () =>
        call(() => {
          if (this.#at.timeline.nowMs < this.forbiddenUntilMs) throw new Error('UnauthorizedOperation');
          if (this.exists) this.#at.deleting(process);
          this.exists = false;
        }),
    };
  }
}
