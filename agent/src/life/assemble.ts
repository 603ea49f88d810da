import { bringCode } from '../preparation/prepare.ts';
import { Announcer } from './announcer.ts';
import { accompany, respondToShutdown } from './company.ts';
import { ControlSocket } from './control-socket.ts';
import { finishLaunch, powerOffSuperfluous, yieldLease } from './departure.ts';
import { beginGeneration } from './generation.ts';
import { liveGeneration } from './generation-life.ts';
import { interruptionResponse, recordNotice } from './interruption-response.ts';
import { InterruptionWatch } from './interruption-watch.ts';
import { endOfLaunch, isLaunchOver } from './launch-end.ts';
import { outcomeOf } from './launch-outcome.ts';
import { Life, type LifeOptions, type LifeParts } from './life.ts';
import { Limits } from './limits.ts';
import { NextStep } from './next-step.ts';
import { openAttempt } from './open-attempt.ts';
import { outliveInterruption } from './outlive-interruption.ts';
import { OwnStatus } from './own-status.ts';
import { launchCapacity, trainingRefusal } from './refusal.ts';
import { type Known, type SharedParts, sharedParts } from './shared-parts.ts';
import { standBy } from './stand-by.ts';
import { obeyWishes } from './wishes.ts';

/** Puts the life of an agent together that knows its run. */
export function assembleLife(known: Known, options: LifeOptions): Life {
  const shared = sharedParts(known);
  const { documents, machine, stops } = shared;
  const limits = new Limits(shared);
  const watch = watchOf(shared);
  const announcer = announcerOf(shared, limits);
  const wishes = obeyWishes(shared, { current: shared.current, limits });
  const generation = {
    ...shared,
    announcer,
    begin: (number: number, signal: AbortSignal) => beginGeneration(shared, number, signal),
    open: (number: number) => openAttempt(shared, number),
  };
  return new Life(
    {
      next: nextStepOf(shared, watch),
      liveGeneration: (number, signal) => liveGeneration(generation, number, signal),
      departure: departureOf(shared, announcer),
      stops,
      documents,
    },
    {
      accompany: (signal) => accompany({ watch, wishes, limits, announcer }, signal),
      onShutdown: (leave) => machine.onShutdown(() => respondToShutdown(shared, leave)),
    },
    options,
  );
}

function watchOf(shared: SharedParts): InterruptionWatch {
  const events = interruptionResponse({ ...shared, recordNotice: (notice) => recordNotice(shared, notice) });
  return new InterruptionWatch({ ...shared, events });
}

function announcerOf(shared: SharedParts, limits: Limits): Announcer {
  const { machine, self } = shared;
  const status = new OwnStatus(shared, shared, limits);
  const socket = new ControlSocket({
    ...shared,
    openEndpoint: machine.openEndpoint,
    process: { run: self.run, pid: machine.pid },
    status: () => status.ofAgent(),
  });
  return new Announcer({ ...shared, status, socket });
}

function nextStepOf(shared: SharedParts, watch: InterruptionWatch): NextStep {
  const waiting = {
    ...shared,
    bringCode: (signal: AbortSignal) => bringCode(shared.preparation, signal),
    endOfLaunch: (signal: AbortSignal) => endOfLaunch(shared, signal),
  };
  return new NextStep({
    ...shared,
    launch: {
      isOver: (signal) => isLaunchOver(shared, signal),
      refusal: (signal) => trainingRefusal(shared, signal),
    },
    waits: {
      standBy: (options) => standBy(waiting, options),
      outlive: (untilMs, signal) => outliveInterruption({ ...shared, watch }, untilMs, signal),
    },
  });
}

function departureOf(shared: SharedParts, announcer: Announcer): LifeParts['departure'] {
  const { clock, documents, host, lease, life, log, machine } = shared;
  const { power, successors } = host;
  const { leaseLook } = machine;
  const capacity = () => launchCapacity(shared);
  const finish = {
    announcer,
    life,
    outcomeOf: (...[how, signal]: Parameters<Parameters<typeof finishLaunch>[0]['outcomeOf']>) =>
      outcomeOf(shared, how, signal),
    ending: { documents, successors, capacity, lease, leaseLook, power, clock, log },
  };
  return {
    yieldLease: (signal) => yieldLease({ ...shared, announcer }, signal),
    finishLaunch: (how, signal) => finishLaunch(finish, how, signal),
    powerOffSuperfluous: (signal) => powerOffSuperfluous({ life, power, clock, log }, signal),
  };
}
