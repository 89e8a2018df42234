"""Several triggers on one method and path: who serves, who waits, who is refused."""

from __future__ import annotations

import pytest

from iii_triggers.protocol.errors import InvalidConfig, TriggerConflict
from iii_triggers.trigger_types.http.candidates import Candidate
from iii_triggers.trigger_types.http.routes import Match, RouteTable


def worker(trigger_id, *, function_id="f", namespace="default", target=None):
    return Candidate(
        key=trigger_id,
        trigger_id=trigger_id,
        function_id=function_id,
        namespace=namespace,
        is_worker_owned=True,
        target=target or trigger_id,
    )


def site(trigger_id, *, function_id="f", namespace="default"):
    return Candidate(
        key=trigger_id,
        trigger_id=trigger_id,
        function_id=function_id,
        namespace=namespace,
        is_worker_owned=False,
        target=trigger_id,
    )


def serving(table, path=b"/a/1", method="GET"):
    found = table.match(method, path)
    return found.target if isinstance(found, Match) else found


@pytest.fixture
def table():
    return RouteTable()


def test_among_workers_the_newest_serves_and_the_older_comes_back(table):
    for name in ("one", "two", "three"):
        table.add("GET", "a/:x", worker(name, function_id=name))
    assert serving(table) == "three"
    assert table.remove("two")
    assert serving(table) == "three"
    assert table.remove("three")
    assert serving(table) == "one"
    assert table.remove("one")
    assert serving(table) is None


@pytest.mark.parametrize("path", ["a/1", "a/:x"])
def test_a_removed_route_leaves_nothing_behind(table, path):
    table.add("GET", path, worker("one"))
    table.remove("one")
    assert serving(table) is None
    assert not (table._static or table._shapes[2] or table._registered)
    assert not table.remove("one")


def test_one_method_goes_and_the_other_stays(table):
    table.add("GET", "a/1", worker("get"))
    table.add("POST", "a/1", worker("post"))
    table.remove("get")
    assert table.match("GET", b"/a/1").allowed == ("POST", "OPTIONS")
    assert serving(table, method="POST") == "post"


def test_the_pattern_of_a_match_is_the_one_of_who_serves(table):
    table.add("GET", "a/:x", worker("one"))
    table.add("GET", "/a/:x", worker("two"))
    assert table.match("GET", b"/a/1").pattern == "/a/:x"
    table.remove("two")
    assert table.match("GET", b"/a/1").pattern == "a/:x"


def test_a_worker_with_another_function_is_refused_on_a_route_of_the_site(table):
    table.add("GET", "a/:x", site("mine"))
    for other in (worker("w", function_id="g"), worker("w", namespace="elsewhere")):
        with pytest.raises(TriggerConflict, match="conflicts with already-registered route"):
            table.add("GET", "a/:x", other)
    table.remove("mine")
    assert serving(table) is None


def test_a_worker_with_the_same_function_waits_behind_the_site(table):
    table.add("GET", "a/:x", site("mine"))
    table.add("GET", "a/:x", worker("w"))
    assert serving(table) == "mine"
    table.remove("mine")
    assert serving(table) == "w"


def test_the_site_takes_a_route_from_workers_and_gives_it_back(table):
    table.add("GET", "a/:x", worker("w", function_id="g"))
    table.add("GET", "a/:x", site("mine"))
    assert serving(table) == "mine"
    table.remove("mine")
    assert serving(table) == "w"


def test_a_second_trigger_of_the_site_is_refused(table):
    table.add("GET", "a/:x", site("mine"))
    with pytest.raises(TriggerConflict, match="trigger 'mine' of the site serves it"):
        table.add("GET", "a/:x", site("yours"))
    assert serving(table) == "mine"


def test_other_parameter_names_are_refused_with_the_text_sdks_know(table):
    table.add("GET", "/a/:x", worker("one"))
    with pytest.raises(TriggerConflict) as caught:
        table.add("GET", "a/:y", worker("two"))
    assert str(caught.value) == (
        "Route 'GET a/:y' conflicts with already-registered route 'GET /a/:x': routes with "
        "identical structure but different path-parameter names are not supported"
    )
    assert table.match("GET", b"/a/1").path_params == {"x": "1"}


@pytest.mark.parametrize("second", [worker("two"), site("two")])
def test_other_parameter_names_are_refused_between_site_and_worker_too(table, second):
    first = site("one") if second.is_worker_owned else worker("one")
    table.add("GET", "a/:x", first)
    with pytest.raises(TriggerConflict, match="different path-parameter names"):
        table.add("GET", "a/:y", second)


def test_other_methods_may_have_other_parameter_names(table):
    table.add("GET", "a/:x", worker("one"))
    table.add("POST", "a/:y", worker("two"))
    assert table.match("GET", b"/a/1").path_params == {"x": "1"}
    assert table.match("POST", b"/a/1").path_params == {"y": "1"}


def test_the_same_trigger_again_replaces_itself(table):
    table.add("GET", "a/:x", worker("one", target="old"))
    table.add("GET", "a/:x", worker("one", target="new"))
    assert serving(table) == "new"
    table.remove("one")
    assert serving(table) is None


def test_the_same_trigger_may_rename_its_parameter_when_alone(table):
    table.add("GET", "a/:x", worker("one"))
    table.add("GET", "a/:y", worker("one"))
    assert table.match("GET", b"/a/1").path_params == {"y": "1"}


def test_a_trigger_of_the_site_may_change_its_function(table):
    table.add("GET", "a/:x", site("mine"))
    table.add("GET", "a/:x", worker("w"))
    table.add("GET", "a/:x", site("mine", function_id="g"))
    assert serving(table) == "mine"
    table.remove("mine")
    assert serving(table) == "w"


def test_a_worker_that_registers_again_is_the_newest(table):
    table.add("GET", "a/:x", worker("one"))
    table.add("GET", "a/:x", worker("two"))
    table.add("GET", "a/:x", worker("one"))
    assert serving(table) == "one"


def test_a_trigger_moves_to_another_route(table):
    table.add("GET", "a/:x", worker("one"))
    table.add("POST", "b", worker("one"))
    assert serving(table) is None
    assert serving(table, b"/b", "POST") == "one"


@pytest.mark.parametrize(
    ("pattern", "error"), [("taken/:y", TriggerConflict), ("bad/*", InvalidConfig)]
)
def test_a_trigger_whose_move_is_refused_stays_where_it_was(table, pattern, error):
    table.add("GET", "taken/:x", site("other", function_id="g"))
    table.add("GET", "a/:x", worker("one"))
    with pytest.raises(error):
        table.add("GET", pattern, worker("one"))
    assert serving(table) == "one"
    assert serving(table, b"/taken/1") == "other"


def test_a_superseded_owner_cannot_remove_its_successor(table):
    old, new = object(), object()
    table.add("GET", "a/:x", worker("one", target=old))
    table.add("GET", "a/:x", worker("one", target=new))
    assert not table.remove("one", target=old)
    assert serving(table) is new
    assert table.remove("one", target=new)
    assert serving(table) is None


def test_a_check_raises_like_add_and_changes_nothing(table):
    table.add("GET", "a/:x", site("mine"))
    with pytest.raises(TriggerConflict):
        table.check("GET", "a/:x", site("yours"))
    with pytest.raises(InvalidConfig):
        table.check("GET", "*", site("yours"))
    table.check("GET", "b", site("yours"))
    assert serving(table, b"/b") is None
