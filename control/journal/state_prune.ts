/** Deletes what nobody needs any more, a bit at a time, and gives its space back. */
import type { DatabaseSync } from "node:sqlite";

/** Rows deleted at once at most, so that nobody waits long. */
const STEP_ROWS = 1000;
/** Pages given back at once; fewer free ones than this are kept, to be used again. */
const STEP_PAGES = 256;
const FREE_PAGES_KEPT = 1024;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** One step; true if there is more to do. */
export function pruneState(db: DatabaseSync): boolean {
  return pruneTombstones(db) || pruneCleared(db) || giveBack(db);
}

function pruneTombstones(db: DatabaseSync): boolean {
  const groups = db.prepare("SELECT id, floor FROM groups WHERE name IS NOT NULL AND floor > 0").all();
  for (const { id, floor } of groups) {
    const { changes } = db.prepare(`
      DELETE FROM rows WHERE group_id = :id AND value IS NULL AND lsn <= MIN(:floor, IFNULL(
        (SELECT lsn FROM rows WHERE group_id = :id AND value IS NULL ORDER BY lsn LIMIT 1 OFFSET ${STEP_ROWS}), ${NO_LIMIT}))`)
      .run({ id: id!, floor: floor! });
    if (Number(changes) > 0) return true;
  }
  return false;
}

/** Rows of groups that were cleared: their numbers have no name. */
function pruneCleared(db: DatabaseSync): boolean {
  const id = db.prepare("SELECT id FROM groups WHERE name IS NULL LIMIT 1").get()?.id;
  if (id === undefined) return false;
  const { changes } = db.prepare(`
    DELETE FROM rows WHERE group_id = :id AND lsn <= IFNULL(
      (SELECT lsn FROM rows WHERE group_id = :id ORDER BY lsn LIMIT 1 OFFSET ${STEP_ROWS}), ${NO_LIMIT})`).run({
    id: id!,
  });
  if (Number(changes) === 0) db.prepare("DELETE FROM groups WHERE id = ?").run(id);
  return true;
}

function giveBack(db: DatabaseSync): boolean {
  const free = Number(db.prepare("PRAGMA freelist_count").get()?.freelist_count);
  const pages = Number(db.prepare("PRAGMA page_count").get()?.page_count);
  if (free < Math.max(FREE_PAGES_KEPT, pages / 4)) return false;
  db.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`);
  return true;
}
