"""A store for files, which counts what it is given and keeps nothing."""

from __future__ import annotations

from aiohttp import BodyPartReader, MultipartReader, web

from fastbench.server.routes import Route, Totals, bearer, refused

PARTS_MAX = 100


class Storage:
    """Uploads: multipart/form-data (RFC 7578), or the file as the body itself."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        path = "/storage/v1/object/{bucket}/{path:.+}"
        return (
            Route("POST", path, self._upload, "a file, as multipart/form-data or as it is"),
            Route("PUT", path, self._upload, "the same"),
        )

    async def _upload(self, request: web.Request) -> web.Response:
        bearer(request)
        if request.content_type.startswith("multipart/"):
            try:
                files = await self._parts(await request.multipart())
            except ValueError as wrong:
                raise refused(web.HTTPBadRequest, "the body is not multipart") from wrong
        else:
            files = [{"bytes": await self._whole(request)}]
        self._totals["uploads"] += 1
        self._totals["upload_bytes"] += sum(int(str(each["bytes"])) for each in files)
        key = f"{request.match_info['bucket']}/{request.match_info['path']}"
        return web.json_response({"Key": key, "files": files})

    async def _whole(self, request: web.Request) -> int:
        total_bytes = 0
        async for block in request.content.iter_any():
            total_bytes += len(block)
        return total_bytes

    async def _parts(self, reader: MultipartReader) -> list[dict[str, object]]:
        files: list[dict[str, object]] = []
        while part := await reader.next():
            if not isinstance(part, BodyPartReader) or len(files) == PARTS_MAX:
                raise ValueError("nested, or too many parts")
            total_bytes = 0
            while block := await part.read_chunk(1 << 16):
                total_bytes += len(block)
            files.append(
                {
                    "field": part.name,
                    "filename": part.filename,
                    "type": part.headers.get("Content-Type"),
                    "bytes": total_bytes,
                }
            )
        return files
