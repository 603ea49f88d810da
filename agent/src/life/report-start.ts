import { messageOf } from '@runctl/core';
import { FORMAT_VERSION, timestampOf } from '@runctl/protocol';
import type { Prepared } from '../preparation/prepare.ts';
import type { LifeContext } from './attempt-context.ts';

/** Writes `started.json`. Never rejects: a store that fails now does not keep the training from starting. */
export async function reportStart(context: LifeContext, prepared: Prepared): Promise<void> {
  const { documents, facts, ports, journal, life, node } = context;
  const { identity } = facts;
  try {
    await documents.putStarted({
      version: FORMAT_VERSION,
      generation: journal.state.attempt?.generation ?? 1,
      node,
      launch: ports.config.launch,
      machineId: identity.machineId,
      at: timestampOf(ports.clock.wallMs()),
      machineType: identity.machineType,
      location: identity.location,
      market: identity.market,
      pricePerHourUsd: facts.pricePerHourUsd,
      resumedFrom: prepared.resumedFrom,
      agentVersion: ports.agentVersion,
      stagesMs: prepared.stagesMs,
    });
  } catch (error) {
    ports.log.warn({ error: messageOf(error) }, 'the start could not be written down');
    life.warn(`the start could not be written to the bucket: ${messageOf(error)}`);
  }
}
