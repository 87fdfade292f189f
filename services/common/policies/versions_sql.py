"""SQL of policies that have days: which version of which estate holds when."""


def versions(table: str, *, sooner: int = 0) -> str:
    """SQL: the versions of a table, each with the days [from_on, to_on) on which it holds.

    The first holds from the beginning of time. `sooner`: so many days earlier, where a day is the interval before it.
    """
    return f"""
  SELECT v.*, CASE WHEN lag(v.effective_from) OVER by_day IS NULL THEN DATE '1000-01-01'
              ELSE v.effective_from - {sooner} END AS from_on,
         COALESCE(lead(v.effective_from) OVER by_day - {sooner}, DATE '9999-12-31') AS to_on
  FROM {table} v WINDOW by_day AS (PARTITION BY v.estate_id ORDER BY v.effective_from)"""


def in_force(table: str, columns: tuple[str, ...]) -> str:
    """SQL: what holds on the estate of `own(estate_id)` from which day on.

    An estate that has versions of its own goes by them alone; where one is silent, by the group's.
    """
    values = ", ".join(f"COALESCE(o.{column}, g.{column}) AS {column}" for column in columns)
    return f"""
  SELECT d.effective_from, {values}
  FROM own CROSS JOIN LATERAL (
    SELECT DISTINCT v.effective_from FROM {table} v WHERE v.estate_id IN (own.estate_id, 0)) d
  LEFT JOIN LATERAL ({_latest(table, "own.estate_id")}) o ON true
  LEFT JOIN LATERAL ({_latest(table, "0")}) g ON true
  WHERE o.estate_id IS NOT NULL OR NOT EXISTS (SELECT FROM {table} v WHERE v.estate_id = own.estate_id)"""


def _latest(table: str, estate: str) -> str:
    return f"""SELECT v.* FROM {table} v WHERE v.estate_id = {estate} AND v.effective_from <= d.effective_from
    ORDER BY v.effective_from DESC LIMIT 1"""
