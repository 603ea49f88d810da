#!/usr/bin/env node
import '../dist/agent.mjs';
