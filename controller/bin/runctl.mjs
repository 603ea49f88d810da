#!/usr/bin/env node
import '../dist/runctl.mjs';
