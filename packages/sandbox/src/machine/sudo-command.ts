/**
 * Stands in for sudo. `become` is shell code that is run with the wanted user in `$user` and the command in `$@`, and does
 * not return when it can run a command as another user.
 */
export function sudoScript(become = ''): string {
  return `#!/bin/sh
# Runs a command as sudo would; there is no password and no policy to ask.
user=root
while :; do
  case \${1-} in
    -u | --user) user=$2; shift 2 ;;
    -g | -C | -D | -h | -p | -R | -T) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ "$#" -gt 0 ] || exit 0
${become}
exec "$@"
`;
}

/** For an instance with users of its own: root becomes anyone, and nobody becomes root. */
export const becomeUser = `[ "$(id -u)" = 0 ] || { echo 'sudo: this computer has none; only root can use it here' >&2; exit 1; }
[ "$user" = root ] || exec runuser -u "$user" -- "$@"`;
