import { Command } from 'clipanion';
import { RunctlCommand } from '../command.ts';

export class DrillCommand extends RunctlCommand {
  static override paths = [['drill']];
  static override usage = Command.Usage({ description: 'drill' });
  protected run(): Promise<number> {
    return Promise.resolve(1);
  }
}
