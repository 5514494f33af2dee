from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.conversation.order import ItemOrder


def test_items_without_links_keep_arrival_order() -> None:
    order = ItemOrder()
    for item in "abc":
        order.add(item)
    assert list(order) == ["a", "b", "c"]


def test_an_item_is_inserted_directly_behind_its_predecessor() -> None:
    order = ItemOrder()
    for item, previous in [("a", None), ("b", "a"), ("c", "b"), ("x", "a")]:
        order.link(item, previous)
    assert list(order) == ["a", "x", "b", "c"]


def test_an_item_without_predecessor_is_inserted_first() -> None:
    order = ItemOrder()
    order.add("a")
    order.link("b", "a")
    order.link("first", None)
    assert list(order) == ["first", "a", "b"]


def test_unknown_predecessor_becomes_a_placeholder() -> None:
    order = ItemOrder()
    order.add("a")
    order.link("d", "c")
    order.link("e", "d")
    assert list(order) == ["a", "c", "d", "e"]
    order.link("b", "a")
    order.link("c", "b")
    assert list(order) == ["a", "b", "c", "d", "e"]


def test_links_in_a_circle_change_nothing() -> None:
    order = ItemOrder()
    order.link("b", "a")
    assert not order.link("a", "b")
    assert not order.link("a", "a")
    assert list(order) == ["a", "b"]


def test_item_with_the_id_root_is_an_ordinary_item() -> None:
    order = ItemOrder()
    order.add("a")
    order.link("first", None)
    order.link("b", "root")
    order.link("root", "a")
    assert list(order) == ["first", "a", "root", "b"]


@given(st.integers(1, 30).flatmap(lambda n: st.permutations(range(n))))
def test_linked_items_are_ordered_for_any_arrival_order(arrival: list[int]) -> None:
    order = ItemOrder()
    for i in arrival:
        if i:
            order.link(str(i), str(i - 1))
        else:
            order.add("0")
    assert list(order) == [str(i) for i in range(len(arrival))]


operations = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.just(-1), st.integers(0, 9))), max_size=40)


@given(operations)
def test_positions_are_consistent_after_any_links(links: list[tuple[int, int | None]]) -> None:
    order = ItemOrder()
    for item, previous in links:
        if previous == -1:
            order.add(str(item))
        else:
            order.link(str(item), None if previous is None else str(previous))
        ids = list(order)
        assert len(set(ids)) == len(ids) == len(order)
        assert [order.position(i) for i in ids] == list(range(len(ids)))
    for item, previous in dict(reversed(links)).items():
        # The first link that was taken holds: the item stands somewhere behind its predecessor.
        taken = order._previous.get(str(item), "never linked")
        if previous is not None and taken == str(previous):
            assert order.position(str(item)) > order.position(str(previous))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=50))
def test_insertions_in_order_equal_list_insert(steps: list[tuple[bool, int]]) -> None:
    order, model = ItemOrder(), list[str]()
    for n, (at_root, where) in enumerate(steps):
        item = f"i{n}"
        if at_root or not model:
            order.link(item, None)
            model.insert(0, item)
        else:
            at = where % len(model)
            order.link(item, model[at])
            model.insert(at + 1, item)
    assert list(order) == model


def test_what_follows_in_a_new_session_comes_after_what_that_session_lacks() -> None:
    order = ItemOrder()
    for item_id in ("question", "failed answer", "seam"):
        order.add(item_id)
    order.close("question")
    order.link("next", "question")
    order.link("after", "next")
    assert list(order) == ["question", "failed answer", "seam", "next", "after"]
