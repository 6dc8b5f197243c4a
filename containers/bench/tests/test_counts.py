"""What an operation costs is decided, not drifted into."""

from containers.bench.counting import expected, measure


def test_every_operation_costs_what_the_table_says() -> None:
    """One statement, commit, hash or event more is seen here before it is felt."""
    assert measure() == expected()


def test_a_login_is_one_hash_and_one_commit() -> None:
    """The table itself keeps the promises that are made for it."""
    table = expected()
    assert (table["login"]["commits"], table["login"]["hashes"]) == (1, 1)
    assert table["login, wrong password"] == table["login, unknown address"]
    assert {table[case]["hashes"] for case in table if case.startswith("sign-up")} == {1}
