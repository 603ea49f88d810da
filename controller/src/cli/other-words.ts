import { command, type Hint } from '@runctl/core';

const listsRuns: Hint = [command('status'), ' lists the runs'];
const endsARun: Hint = [command('stop', 'RUN'), ' ends a run; its script may save first'];
const followsTheLog: Hint = [command('logs', '-f', 'RUN'), ' follows the log of a run'];
const startsARun: Hint = [command('launch', 'SCRIPT'), ' starts a run'];
const movesFiles: Hint = [command('transfer', 'SOURCE', 'DESTINATION'), ' moves files'];
const deletes: Hint = [command('s3 cleanup', 'S3_PATH'), ' deletes what is old'];

const makesReady: Hint = [command('init', '--cloud'), ' makes an account ready'];
const looksAround: Hint = [command('doctor'), ' tells whether a launch would work'];

/** Words that other tools have for what a command here does, and the answer to who types them. */
export const otherWords: Readonly<Record<string, Hint>> = {
  ps: listsRuns,
  list: listsRuns,
  ls: listsRuns,
  runs: listsRuns,
  jobs: listsRuns,
  queue: listsRuns,
  show: [command('status', 'RUN'), ' shows a run'],
  describe: [command('status', 'RUN'), ' shows a run'],
  cancel: endsARun,
  down: endsARun,
  kill: endsARun,
  terminate: endsARun,
  tail: followsTheLog,
  follow: [command('attach', 'RUN'), ' follows a run live'],
  watch: [command('attach', 'RUN'), ' follows a run live'],
  run: startsARun,
  train: startsARun,
  submit: startsARun,
  start: startsARun,
  up: startsARun,
  restart: [command('resume', 'RUN'), ' goes on from the last checkpoint'],
  setup: makesReady,
  configure: makesReady,
  bootstrap: makesReady,
  diagnose: looksAround,
  rehearse: [command('drill', 'SCRIPT'), ' rehearses interruptions'],
  cp: movesFiles,
  's3 cp': movesFiles,
  's3 mv': movesFiles,
  's3 ls': [command('s3 list', 'S3_PATH'), ' lists what is there'],
  's3 rm': deletes,
  's3 delete': deletes,
  'checkpoint download': [command('checkpoint pull', 'RUN'), ' brings a checkpoint here'],
  'checkpoint ls': [command('checkpoint list', 'RUN'), ' lists the checkpoints of a run'],
  'checkpoint rm': [command('checkpoint cleanup', 'RUN'), ' deletes old checkpoints'],
  'checkpoint delete': [command('checkpoint cleanup', 'RUN'), ' deletes old checkpoints'],
  'sandbox up': [command('sandbox start'), ' starts the local cloud'],
  'sandbox down': [command('sandbox stop'), ' stops the local cloud'],
  'sandbox kill': [command('sandbox interrupt', 'RUN'), ' reclaims a machine; ', command('sandbox stop'), ' stops all'],
};
