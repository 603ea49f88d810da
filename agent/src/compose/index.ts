export { type AgentSurroundings, composeAgent } from './compose-agent.ts';
