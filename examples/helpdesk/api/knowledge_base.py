"""The knowledge base: look for something, read the first hit."""

from fastbench import Vu, group, random_item

from lib.helpers import check_response

ARTICLES = "/api/v1/knowledge-base/articles"
TOPICS = ["billing", "accounts", "printing", "networks", "security"]


async def browse(vu: Vu) -> None:
    async with group("Knowledge Base"):
        found = await vu.get(f"{ARTICLES}?q={random_item(TOPICS)}", name="search articles")
        if check_response(found, "Search Articles"):
            article = await vu.get(f"{ARTICLES}/{found.json('data[0].id')}")
            check_response(article, "Read Article")
