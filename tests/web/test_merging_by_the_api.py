"""A repeated request to merge, link or split incidents changes nothing more."""

from web.frontdoor import front_door

INCIDENTS = "/api/v1/incidents"


async def test_a_merge_a_link_and_a_split_with_a_key_count_once() -> None:
    async with front_door() as door:
        for name in ("Down", "Up"):
            await door.engine.fire(alertname=name)
        for response, body in (("link", {"other": "2"}), ("merge", {"into": "2"}), ("split", {})):
            answers = []
            for _ in range(2):
                url, headers = f"{INCIDENTS}/1/{response}", {"Idempotency-Key": response}
                async with door.call("POST", url, json=body, headers=headers) as answer:
                    assert answer.status == 200
                    answers.append(await answer.json())
            assert [each["changed"] for each in answers] == [True, False], response
            assert "received before" in answers[1]["note"]
        kinds = [entry.kind for entry in await door.engine.timeline("1")]
        assert [kinds.count(kind) for kind in ("linked", "merged")] == [1, 1]
