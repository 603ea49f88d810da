export * from './examine-cloud.ts';
export * from './local-programs.ts';
export * from './remove-account.ts';
