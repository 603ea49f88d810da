export type { AgentLink, Dial } from './agent-link.ts';
export type { LiveAnswer } from './ask-agent.ts';
export { askLive, openLive, type LiveFeed, type Tunnel } from './open-live.ts';
