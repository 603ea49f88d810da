import type { IndexedOption } from '../catalog/command-entry.ts';
import type { ReadCommands } from './read-commands.ts';

/** The index as a module that loads a command's file only when the command is used. */
export function indexModule({ commands, groups }: ReadCommands): string {
  const entries = commands.map(
    ({ summary, file, exportedAs }) =>
      `{...${JSON.stringify(summary)},load:async()=>(await import(${JSON.stringify(file)})).${exportedAs}}`,
  );
  return `export const commandIndex={commands:[${entries.join(',\n')}],groups:${JSON.stringify(groups)}};\n`;
}

/** What the overview shows as a module. */
export function summariesModule({ commands, groups }: ReadCommands): string {
  const all = { commands: commands.map(({ summary }) => summary), groups };
  return `export const commandSummaries=${JSON.stringify(all)};\n`;
}

/** The details as a module in which an option that many commands have stands once. */
export function detailsModule({ commands }: ReadCommands): string {
  const options = new Map<string, number>();
  const indexOf = (option: IndexedOption): number => {
    const text = JSON.stringify(option);
    const known = options.get(text) ?? options.size;
    options.set(text, known);
    return known;
  };
  const shortened = commands.map(({ details }) => ({ ...details, options: details.options.map(indexOf) }));
  const all = JSON.stringify({
    commands: shortened,
    options: [...options.keys()].map((text) => JSON.parse(text) as IndexedOption),
  });
  return (
    `const all=JSON.parse(${JSON.stringify(all)});\n` +
    'export const commandDetails=all.commands.map((each)=>({...each,options:each.options.map((at)=>all.options[at])}));\n'
  );
}
