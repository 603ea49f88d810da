import type { Publisher, PublisherOptions } from '../contract/publisher-port.ts';
import { createCommittingPublisher } from '../publish/publisher.ts';
import { createShardPublisher } from './shard-publisher.ts';

/** The publisher for one machine of a run: node 0 commits, the others deliver their files to it. */
export function createPublisher(options: PublisherOptions): Publisher {
  return options.node === 0 ? createCommittingPublisher(options) : createShardPublisher(options);
}
