import type { CommandClass } from 'clipanion';
import type { CommandContext } from '../options/context.ts';
import type { CommandSummary } from '../render/command-summary.ts';

export interface CommandEntry extends CommandSummary {
  load(): Promise<CommandClass<CommandContext>>;
}

/** Every command, without its code: the overview and completion are made from this alone. */
export const commandTable: readonly CommandEntry[] = [
  {
    path: ['launch'],
    summary: 'train a script on EC2 Spot and follow it',
    load: async () => (await import('../commands/launch.ts')).LaunchCommand,
  },
  {
    path: ['status'],
    summary: 'show runs, or one run in detail',
    load: async () => (await import('../commands/status.ts')).StatusCommand,
  },
  {
    path: ['logs'],
    summary: 'print the log of a run over all its attempts',
    load: async () => (await import('../commands/logs.ts')).LogsCommand,
  },
  {
    path: ['attach'],
    summary: 'follow a run live',
    load: async () => (await import('../commands/attach.ts')).AttachCommand,
  },
  {
    path: ['stop'],
    summary: 'save a checkpoint and end a run',
    load: async () => (await import('../commands/stop.ts')).StopCommand,
  },
  {
    path: ['resume'],
    summary: 'launch a stopped or failed run again from its last checkpoint',
    load: async () => (await import('../commands/resume.ts')).ResumeCommand,
  },
  {
    path: ['wait'],
    summary: 'wait until a run ends; its exit code says how',
    load: async () => (await import('../commands/wait.ts')).WaitCommand,
  },
  {
    path: ['events'],
    summary: 'show what happened to a run, in order',
    load: async () => (await import('../commands/events.ts')).EventsCommand,
  },
  {
    path: ['drill'],
    summary: 'rehearse interruptions of a script on the local cloud',
    load: async () => (await import('../commands/drill.ts')).DrillCommand,
  },
  {
    path: ['s3', 'upload'],
    summary: 'send a file or a folder to a bucket',
    load: async () => (await import('../commands/s3/upload.ts')).S3UploadCommand,
  },
  {
    path: ['s3', 'download'],
    summary: 'fetch an object or a folder of objects',
    load: async () => (await import('../commands/s3/download.ts')).S3DownloadCommand,
  },
  {
    path: ['s3', 'sync'],
    summary: 'make a folder and a folder in a bucket hold the same',
    load: async () => (await import('../commands/s3/sync.ts')).S3SyncCommand,
  },
  {
    path: ['s3', 'list'],
    summary: 'list objects and folders',
    load: async () => (await import('../commands/s3/list.ts')).S3ListCommand,
  },
  {
    path: ['s3', 'watch'],
    summary: 'show what changes in a bucket, or keep a folder in step with it',
    load: async () => (await import('../commands/s3/watch.ts')).S3WatchCommand,
  },
  {
    path: ['s3', 'review'],
    summary: 'show what is stored, by run and age, and what could go',
    load: async () => (await import('../commands/s3/review.ts')).S3ReviewCommand,
  },
  {
    path: ['s3', 'cleanup'],
    summary: 'delete old objects and folders, and keep the newest',
    load: async () => (await import('../commands/s3/cleanup.ts')).S3CleanupCommand,
  },
  {
    path: ['checkpoint', 'list'],
    summary: 'list the checkpoints of a folder or a run',
    load: async () => (await import('../commands/checkpoint/list.ts')).CheckpointListCommand,
  },
  {
    path: ['checkpoint', 'info'],
    summary: 'show one checkpoint with its files',
    load: async () => (await import('../commands/checkpoint/info.ts')).CheckpointInfoCommand,
  },
  {
    path: ['checkpoint', 'verify'],
    summary: 'check that checkpoints are whole',
    load: async () => (await import('../commands/checkpoint/verify.ts')).CheckpointVerifyCommand,
  },
  {
    path: ['checkpoint', 'pull'],
    summary: 'bring a checkpoint of a run to this computer',
    load: async () => (await import('../commands/checkpoint/pull.ts')).CheckpointPullCommand,
  },
  {
    path: ['checkpoint', 'save'],
    summary: 'make what a run has saved durable now',
    load: async () => (await import('../commands/checkpoint/save.ts')).CheckpointSaveCommand,
  },
  {
    path: ['checkpoint', 'resume'],
    summary: 'run a script here from a checkpoint',
    load: async () => (await import('../commands/checkpoint/resume.ts')).CheckpointResumeCommand,
  },
  {
    path: ['checkpoint', 'cleanup'],
    summary: 'delete old checkpoints of a folder or a run that has ended',
    load: async () => (await import('../commands/checkpoint/cleanup.ts')).CheckpointCleanupCommand,
  },
  {
    path: ['transfer'],
    summary: 'move files between this computer and a bucket',
    load: async () => (await import('../commands/transfer.ts')).TransferAnyCommand,
  },
  {
    path: ['sandbox', 'start'],
    summary: 'start the local cloud',
    load: async () => (await import('../commands/sandbox/start.ts')).SandboxStartCommand,
  },
  {
    path: ['sandbox', 'stop'],
    summary: 'stop the local cloud and everything in it',
    load: async () => (await import('../commands/sandbox/stop.ts')).SandboxStopCommand,
  },
  {
    path: ['sandbox', 'status'],
    summary: 'show the local cloud and its instances',
    load: async () => (await import('../commands/sandbox/status.ts')).SandboxStatusCommand,
  },
  {
    path: ['sandbox', 'interrupt'],
    summary: 'reclaim an instance of the local cloud',
    load: async () => (await import('../commands/sandbox/interrupt.ts')).SandboxInterruptCommand,
  },
  {
    path: ['sandbox', 'env'],
    summary: 'print the exports with which other AWS clients talk to the local cloud',
    load: async () => (await import('../commands/sandbox/env.ts')).SandboxEnvCommand,
  },
  {
    path: ['sandbox', 'serve'],
    summary: 'serve the local cloud in the foreground',
    hidden: true,
    load: async () => (await import('../commands/sandbox/serve.ts')).SandboxServeCommand,
  },
  {
    path: ['completion'],
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('../commands/completion.ts')).CompletionCommand,
  },
];
