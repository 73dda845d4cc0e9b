"""Tickets: a life of one in groups, a search."""

from fastbench import Counter, Trend, Vu, group, random_item

from lib.helpers import check_response, new_ticket, pause, ticket_creation_duration

tickets_created = Counter("tickets_created")
ticket_create_duration = Trend("ticket_create_duration", is_time=True)


async def life_of_a_ticket(vu: Vu, token: str) -> None:
    async with group("Ticket CRUD Operations"):
        async with group("Create Ticket"):
            response = await vu.post("/api/v1/tickets", json=new_ticket(), bearer=token)
            ticket_create_duration.add(response.timings.duration)
            ticket_creation_duration.add(response.timings.duration)
            created = check_response(response, "Create Ticket")
            if created:
                tickets_created.add(1)
        await pause(0.5)
        if created:
            await work_on(vu, token, f"/api/v1/tickets/{response.json('id')}")
        async with group("List Tickets"):
            listed = await vu.get("/api/v1/tickets?page=1&limit=20", bearer=token)
            check_response(listed, "List Tickets")
    await pause(1)


async def work_on(vu: Vu, token: str, ticket: str) -> None:
    """The path holds the ticket's id; requests are counted together as /api/v1/tickets/{id}."""
    async with group("Get Ticket"):
        check_response(await vu.get(ticket, bearer=token), "Get Ticket")
    await pause(0.3)
    async with group("Update Ticket"):
        changed = await vu.patch(ticket, json={"status": "IN_PROGRESS"}, bearer=token)
        check_response(changed, "Update Ticket")
    await pause(0.3)
    async with group("Add Comment"):
        comment = {"content": "Load test comment"}
        added = await vu.post(f"{ticket}/comments", json=comment, bearer=token)
        check_response(added, "Add Comment")


async def search(vu: Vu, token: str) -> None:
    async with group("Ticket Search"):
        query = random_item(["urgent", "billing", "support", "technical"])
        found = await vu.get(
            f"/api/v1/tickets/search?q={query}", bearer=token, name="search tickets"
        )
        check_response(found, "Search Tickets")
    await pause(0.5)
