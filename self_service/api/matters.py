"""The person's records of every matter under /api/matters/<name>/. One viewset, made once per declaration; no matter has its own."""

from __future__ import annotations

from typing import Any

from django.db import models
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from models.audit.models import Action
from models.audit.request import client_ip
from models.audit.services import record as audit
from models.evidence import services as proofs
from models.evidence import uploads
from models.jobs.files import PrivateDownload
from self_service import subjects
from self_service.api import shapes
from self_service.evidence import crop_of
from self_service.sheets import Sheet
from workflows import story
from workflows.errors import Absent, Conflict
from workflows.fields import HIDDEN, of_record

REFUSED = {
    400: shapes.ErrorOut,
    403: shapes.ErrorOut,
    404: shapes.ErrorOut,
    409: shapes.ConflictOut,
    422: shapes.ErrorOut,
}


class MatterViewSet(viewsets.ViewSet):
    """本人的一项事务：读取、保存草稿、提交、撤回、申请修改、审核记录、附件。主键处可写 mine，表示本人最近的一份。"""

    model: type[models.Model]
    throttle_scope = "matters"
    lookup_value_regex = r"\d+|mine"

    # -- reading ----------------------------------------------------------------------------------------------------

    @extend_schema(responses=shapes.RecordOut(many=True))
    def list(self, request: Request) -> Response:
        """本人的全部记录。"""
        return Response([self._out(record, request) for record in subjects.own(request.user, self.model)[:100]])

    @extend_schema(responses={200: shapes.RecordOut, **REFUSED})
    def retrieve(self, request: Request, pk: str) -> Response:
        """一份记录：字段及填写要求、缺项、规则检查、进度。"""
        return Response(self._out(self._find(request, pk), request))

    @extend_schema(responses={200: shapes.LogOut(many=True), **REFUSED})
    @action(detail=True)
    def log(self, request: Request, pk: str) -> Response:
        """审核记录。"""
        return Response([shapes.of_log(entry) for entry in story.timeline(self._find(request, pk))])

    # -- writing ----------------------------------------------------------------------------------------------------

    @extend_schema(request=None, responses={201: shapes.RecordOut, **REFUSED})
    def create(self, request: Request) -> Response:
        """建立本人的记录（每人一份的事务；已有则返回已有的）。"""
        return Response(self._out(subjects.create(request.user, self.model), request), status=status.HTTP_201_CREATED)

    @extend_schema(request=shapes.Draft, responses={200: shapes.RecordOut, **REFUSED})
    def partial_update(self, request: Request, pk: str) -> Response:
        """保存草稿：全部存下，或指出每个字段的问题而什么都不存。"""
        draft = _checked(shapes.Draft, request)
        record = subjects.handle(request.user, self.model, pk)
        try:
            subjects.save(record, draft["values"], request.user, draft["version"])
        except Conflict as conflict:
            conflict.more = {"current": self._out(self._find(request, pk), request), "yours": draft["values"]}
            raise
        return Response(self._out(record, request))

    @extend_schema(request=shapes.Version, responses={200: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """提交审核。"""
        return self._act(subjects.submit, request, pk)

    @extend_schema(request=shapes.Version, responses={200: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """确认无误：老师填写或更正的内容属实。"""
        return self._act(subjects.confirm, request, pk)

    @extend_schema(request=shapes.Dispute, responses={200: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def dispute(self, request: Request, pk: str) -> Response:
        """提出异议：内容与事实不符，记录冻结，由学校核实。"""
        words = _checked(shapes.Dispute, request)
        record = self._find(request, pk)
        subjects.dispute(record, request.user, words["text"], expected=words["version"], origin=client_ip(request))
        return Response(self._out(self._find(request, pk), request))

    @extend_schema(request=shapes.Version, responses={200: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """撤回（尚无人办理时）。"""
        return self._act(subjects.withdraw, request, pk)

    @extend_schema(request=shapes.Version, responses={200: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["post"])
    def amend(self, request: Request, pk: str) -> Response:
        """修改资料：重新打开审核通过的记录，改后再次提交（仅部分事务）。"""
        return self._act(subjects.amend, request, pk)

    @extend_schema(request=shapes.ChangeWish, responses={201: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["post"], url_path="change-request")
    def change_request(self, request: Request, pk: str) -> Response:
        """申请修改（审核通过后）。"""
        wish = _checked(shapes.ChangeWish, request)
        record = self._find(request, pk)
        subjects.ask_change(record, wish["values"], wish["reason"], request.user, origin=client_ip(request))
        return Response(self._out(self._find(request, pk), request), status=status.HTTP_201_CREATED)

    # -- files ------------------------------------------------------------------------------------------------------

    @extend_schema(methods=["GET"], responses={200: OpenApiResponse(description="文件"), 404: shapes.ErrorOut})
    @extend_schema(
        methods=["POST"], request={"multipart/form-data": shapes.Upload}, responses={200: shapes.RecordOut, **REFUSED}
    )
    @action(
        detail=True,
        methods=["get", "post"],
        url_path=r"files/(?P<key>[a-z][a-z0-9_]{0,29})",
        parser_classes=[MultiPartParser],
    )
    def files(self, request: Request, pk: str, key: str) -> Any:
        """附件：下载，或上传后存入草稿。"""
        record = self._find(request, pk)
        if request.method == "GET":
            return download(record, key, request)
        upload = _checked(shapes.Upload, request)
        name = f"extra.{key}"
        if name not in {spec.name for spec in of_record(record) if spec.kind == "file"}:
            raise Absent("没有这个附件字段。")
        subjects.attach(record, name, uploads.accept(upload["file"], name), request.user, upload["version"])
        return Response(self._out(record, request))

    @extend_schema(request={"multipart/form-data": shapes.Proof}, responses={201: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["post"], parser_classes=[MultiPartParser])
    def evidence(self, request: Request, pk: str) -> Response:
        """上传证明材料；只收一个文件的种类，新文件替换旧文件。"""
        proof = _checked(shapes.Proof, request)
        record = self._find(request, pk)
        crop = crop_of(proof.get("crop", ""))
        proofs.attach(record, proofs.kind_of(record, proof["kind"]), proof["file"], request.user, crop)
        return Response(self._out(record, request), status=status.HTTP_201_CREATED)

    @extend_schema(methods=["GET"], responses={200: OpenApiResponse(description="文件"), 404: shapes.ErrorOut})
    @extend_schema(methods=["DELETE"], responses={200: shapes.RecordOut, **REFUSED})
    @action(detail=True, methods=["get", "delete"], url_path=r"evidence/(?P<proof>\d{1,18})")
    def evidence_file(self, request: Request, pk: str, proof: str) -> Any:
        """一个证明材料：下载，或删除。"""
        record = self._find(request, pk)
        kept = proofs.find(record, int(proof))
        if request.method == "DELETE":
            proofs.remove(kept, request.user, record)
            return Response(self._out(record, request))
        answer = PrivateDownload(kept.stored.name, kept.name)
        audit(Action.VIEW_FILE, request=getattr(request, "_request", request), obj=record, field=kept.kind)
        return answer

    # -- help -------------------------------------------------------------------------------------------------------

    def _find(self, request: Request, pk: str) -> models.Model:
        return subjects.find(request.user, self.model, pk)

    def _out(self, record: models.Model, request: Request) -> dict[str, Any]:
        return shapes.of_sheet(Sheet(record, request.user, reveal=getattr(request, "impersonator", None) is None))

    def _act(self, deed: Any, request: Request, pk: str) -> Response:
        version = _checked(shapes.Version, request)["version"]
        record = subjects.handle(request.user, self.model, pk)
        try:
            deed(record, request.user, expected=version, origin=client_ip(request))
        except Conflict as conflict:
            conflict.more = {"current": self._out(self._find(request, pk), request)}
            raise
        return Response(self._out(record, request))


def download(record: models.Model, key: str, request: Any) -> PrivateDownload:
    """The file in an extra field of an own record, with an audit row; Absent when there is none or the school hides it."""
    shown = {spec.name for spec in of_record(record) if spec.kind == "file" and spec.mode != HIDDEN}
    value = record.extra.get(key) if f"extra.{key}" in shown else None
    if not isinstance(value, dict) or not value.get("stored"):
        raise Absent("没有上传这个文件。")
    answer = PrivateDownload(value["stored"], value["name"])
    audit(Action.VIEW_FILE, request=getattr(request, "_request", request), obj=record, field=key)
    return answer


def _checked(shape: Any, request: Request) -> dict[str, Any]:
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def viewset(model: type[models.Model]) -> type[MatterViewSet]:
    """The viewset of one matter, named after it in the schema."""
    made = type(
        f"{model.__name__}ViewSet",
        (MatterViewSet,),
        {"model": model, "__module__": __name__, "__doc__": MatterViewSet.__doc__},
    )
    return extend_schema(tags=[str(model._meta.verbose_name)])(made)
