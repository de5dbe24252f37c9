/** Commands that see another file system than we do: the changes are in a mount namespace that ends with the command. */
import { dirname } from "node:path";
import { PROJECT } from "../../scripts/lib/paths.ts";

interface View {
  /** Paths that show the file or folder at another path. */
  binds?: Record<string, string>;
  /** Files that are not there. */
  hidden?: readonly string[];
  /** Folders that are empty file systems of their own, with mount's options: "size=64k", "noexec". */
  fresh?: Record<string, string>;
  /** Without a network, not even one of this machine. */
  offline?: boolean;
}

const SCRIPT = `set -e
while [ "$1" != -- ]; do
  case $1 in
  bind) mount --bind "$3" "$2" ;;
  fresh) mount -t tmpfs -o "$3" tmpfs "$2" ;;
  hide)
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/upper /mnt/work
    mount -t overlay overlay -o "lowerdir=$3,upperdir=/mnt/upper,workdir=/mnt/work" "$3"
    rm "$2" ;;
  esac
  shift 3
done
shift
exec "$@"`;

/** The command that runs another with a view of its own. Needs root and unshare. */
export const viewing = (
  { binds = {}, hidden = [], fresh = {}, offline = false }: View,
  command: readonly string[],
): string[] => [
  ...["unshare", "--mount", ...(offline ? ["--net"] : []), "sh", "-c", SCRIPT, "sh"],
  ...Object.entries(binds).flatMap(([path, shown]) => ["bind", path, shown]),
  ...Object.entries(fresh).flatMap(([path, options]) => ["fresh", path, options]),
  ...hidden.flatMap((path) => ["hide", path, dirname(path)]),
  "--",
  ...command,
];

/**
 * The command that runs another as a user who may do nothing special. Needs root, unshare and setpriv. The project is
 * shown where this user may read it, as a clone below /root is closed to all others.
 */
export const asNobody = (command: readonly string[]): string[] =>
  viewing({ binds: { "/mnt": PROJECT } }, [
    // A folder that this user can't enter would stop whatever starts a program in it.
    ...["env", "--chdir=/mnt"],
    ...["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"],
    ...command.map((argument) => argument.replaceAll(PROJECT, "/mnt")),
  ]);
