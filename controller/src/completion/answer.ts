import { completionOf, type CompletionSources } from './suggestions.ts';
import { answerFor, shells, wordsFrom } from './shells.ts';

/** What a shell's function asks: the arguments of `runctl complete`, as they follow that word. */
export interface CompletionRequest {
  readonly words: readonly string[];
  /** The cloud that the words are about. */
  readonly place: PlaceInWords;
  answer(sources: CompletionSources): Promise<string>;
}

/** Options among the words that say which runs are meant. */
export interface PlaceInWords {
  readonly sandbox: boolean;
  readonly state: string | undefined;
  readonly bucket: string | undefined;
  readonly prefix: string | undefined;
  readonly region: string | undefined;
  readonly profile: string | undefined;
  readonly config: string | undefined;
}

/** Reads `<shell> -- <word>…`. A shell that is none of ours is answered as bash is. */
export function completionRequest([name = '', ...rest]: readonly string[]): CompletionRequest {
  const shell = shells.find((each) => each === name) ?? 'bash';
  const words = wordsFrom(shell, rest[0] === '--' ? rest.slice(1) : rest);
  return {
    words,
    place: placeIn(words),
    answer: async (sources) => answerFor(shell, words.at(-1) ?? '', await completionOf(words, sources)),
  };
}

function placeIn(words: readonly string[]): PlaceInWords {
  const after = (flag: string): string | undefined => {
    const bound = words.find((word) => word.startsWith(`${flag}=`));
    if (bound !== undefined) return bound.slice(flag.length + 1);
    return words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined;
  };
  return {
    sandbox: words.includes('--sandbox'),
    state: after('--state'),
    bucket: after('--bucket'),
    prefix: after('--prefix'),
    region: after('--region'),
    profile: after('--profile'),
    config: after('--config') ?? after('-c'),
  };
}
