/**
 * What options are about, in the order in which help shows them. `table` is the TOML table in which settings of the group
 * may stand; null where there are none.
 */
export const optionGroups = {
  what: { heading: 'what to run', table: null },
  where: { heading: 'where it runs', table: 'machine' },
  money: { heading: 'money and limits', table: 'limits' },
  checkpoints: { heading: 'checkpoints', table: 'checkpoint' },
  waiting: { heading: 'waiting', table: 'waiting' },
  rehearsal: { heading: 'rehearsal', table: 'rehearsal' },
  files: { heading: 'files', table: null },
  output: { heading: 'output', table: null },
  cloud: { heading: 'account and cloud', table: 'cloud' },
} as const;

export type OptionGroup = keyof typeof optionGroups;
