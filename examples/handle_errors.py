"""Turn every outcome of a call into a response of your own service: a status and a text."""

import asyncio

from connect import connect

from partoo_async import PartooClient, errors


async def respond(partoo: PartooClient, section_id: str, group_id: str) -> tuple[int, str]:
    try:
        group = await partoo.groups.get(section_id, group_id)
    except errors.ConfigurationError as error:
        return 400, str(error)  # not an id: nothing was sent
    except errors.NotFoundError:
        return 404, "no such group"
    except errors.QuotaExceededError as error:
        return 503, f"busy, come back in {error.retry_after + 1:.0f} s"
    except errors.PartooError as error:
        if isinstance(error, (errors.AuthenticationError, errors.PermissionDeniedError)):
            return 500, "our API key is refused"  # log str(error), which names the server
        return (503 if error.transient else 502), f"Partoo failed, after {len(error.attempts)} tries"
    return 200, f"{group.name}, {len(group.business_ids)} businesses"


async def main() -> None:
    async with connect() as partoo:
        # One client, with a shorter timeout for calls that somebody waits for.
        quick = partoo.with_options(timeout=5.0)
        print(*await respond(quick, "7", "42"))
        print(*await respond(quick, "7", "9999"))
        print(*await respond(quick, "7/../9", "42"))
        print(*await respond(partoo.with_options(api_key="of-another-server"), "7", "42"))
        print(*await respond(partoo.with_options(server="http://127.0.0.1:9", timeout=1.0), "7", "42"))


if __name__ == "__main__":
    asyncio.run(main())
