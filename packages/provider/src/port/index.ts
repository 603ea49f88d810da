export type * from './abilities.ts';
export type * from './account.ts';
export type * from './capacity.ts';
export type * from './facets.ts';
export type * from './need.ts';
export type * from './offer.ts';
export type * from './preflight.ts';
export type * from './provider.ts';
