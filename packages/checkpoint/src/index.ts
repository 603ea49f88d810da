export * from './publish/publisher-port.ts';
export * from './recognise/recogniser.ts';
export * from './restore/restore-port.ts';
