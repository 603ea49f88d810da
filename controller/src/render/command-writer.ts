import { commandText, type CommandMention } from '@runctl/core';

/** What of a person's own command line says which cloud and which settings are meant. */
export interface OwnPlace {
  readonly config: string | undefined;
  readonly sandbox: boolean;
  readonly state: string | undefined;
  readonly bucket: string | undefined;
  readonly prefix: string | undefined;
  readonly region: string | undefined;
  readonly profile: string | undefined;
}

/** Words a command so that it can be pasted. */
export type CommandWriter = (mention: CommandMention) => string;

/** Adds to each command what the person's own one needed, so that both ask the same cloud. */
export function commandWriter(place: OwnPlace): CommandWriter {
  return (mention) => {
    const dashes = mention.args.indexOf('--');
    const own = dashes === -1 ? mention.args : mention.args.slice(0, dashes);
    const rest = dashes === -1 ? [] : mention.args.slice(dashes);
    return commandText({ path: mention.path, args: [...own, ...addedTo(mention.path, own, place), ...rest] });
  };
}

function addedTo(path: string, own: readonly string[], place: OwnPlace): string[] {
  if (own.includes('--help') || path === '') return [];
  const valued = (option: string, value: string | undefined): string[] =>
    value === undefined || own.includes(option) ? [] : [option, value];
  const state = valued('--state', place.state);
  // Commands about the local cloud itself need only its place.
  if (path.split(' ')[0] === 'sandbox') return state;
  return [
    ...valued('--config', place.config),
    ...(place.sandbox && !own.includes('--sandbox') ? ['--sandbox'] : []),
    ...(place.sandbox ? state : []),
    ...valued('--bucket', place.bucket),
    ...valued('--prefix', place.prefix),
    ...valued('--region', place.region),
    ...valued('--profile', place.profile),
  ];
}
