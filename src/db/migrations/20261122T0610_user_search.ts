import type { Schema } from '../columns.ts'

/**
 * Lists and searches of many accounts. The text that is searched stands in one index: `lower(email, name, username, uuid)`, a line
 * each, as `searchText` in db/sql/search-text.ts writes it.
 */
export async function up(schema: Schema): Promise<void> {
  await schema.sql({
    // No search is looked up in it: it is read from end to end, and is a quarter of the table.
    sqlite: `create index "user_search_idx" on "user" (lower("email" || char(10) || "name" || char(10) || "username" || char(10) || "uuid"))`,
    // pg_trgm comes with PostgreSQL, and who owns a database may add it; where that is not so, searches are right and take longer.
    postgres: `do $$ begin
      create extension if not exists pg_trgm;
      create index "user_search_idx" on "user" using gin ((lower(("email" || E'\\n' || "name" || E'\\n' || "username" || E'\\n' || "uuid") collate "C")) gin_trgm_ops);
    exception when insufficient_privilege or undefined_file or feature_not_supported or undefined_object then
      raise notice 'searches of accounts have no index: %', sqlerrm;
    end $$`,
  })
  // For pages far behind: the keys of the rows before them are all in here.
  if (schema.engine === 'postgres') await schema.index('user', ['username', 'id'])
}
