"""The employer library as a look-up: what fills the forms of students, staff and employers."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models.accounts.models import SchoolOf, User
from models.codes.lookup import table
from models.employers import admission
from models.employers.models import Employer, EmployerAdmission
from models.employers.services import MOST, SHORTEST, Known, look_up
from self_service.api.shapes import ErrorOut, RecordOut, of_sheet
from self_service.sheets import Sheet
from self_service.subjects import find
from workflows.errors import Invalid, NotAllowed


class SchoolOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class AdmissionIn(serializers.Serializer):
    school = serializers.IntegerField(help_text="学校的主键。")


class KnownOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    uscc = serializers.CharField()
    employer_type = serializers.CharField()
    employer_type_name = serializers.CharField()
    industry = serializers.CharField()
    industry_name = serializers.CharField()
    region = serializers.CharField()
    region_name = serializers.CharField()
    address = serializers.CharField()
    postcode = serializers.CharField()


class LookUpOut(serializers.Serializer):
    results = KnownOut(many=True)


def of_known(row: Known) -> dict[str, object]:
    """A row as `KnownOut` says."""
    return {
        **asdict(row),
        "employer_type_name": table("employer_type").name(row.employer_type),
        "industry_name": table("industry").name(row.industry),
        "region_name": table("region").path_name(row.region),
    }


@extend_schema(tags=["用人单位"])
class EmployersView(APIView):
    """用人单位库。"""

    throttle_scope = "codes"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "q",
                str,
                description=f"单位名称的一部分或统一社会信用代码的开头，至少 {SHORTEST} 个字，最多给出 {MOST} 条。",
            )
        ],
        responses=LookUpOut,
    )
    def get(self, request: Request) -> Response:
        """按名称或代码查找单位，用于填表；不含联系人信息。"""
        return Response({"results": [of_known(row) for row in look_up(request.query_params.get("q", ""))]})


def _employer(request: Request) -> Employer:
    """The employer behind the account; others are refused."""
    if request.user.kind != User.Kind.EMPLOYER:
        raise NotAllowed("只有用人单位账号可以使用该接口。")
    return request.user.employer


@extend_schema(tags=["用人单位"])
class AdmissionsView(APIView):
    """申请入驻。已有的入驻申请见 /api/matters/employeradmission/。"""

    throttle_scope = "matters"

    @extend_schema(responses={200: SchoolOut(many=True), 403: ErrorOut})
    def get(self, request: Request) -> Response:
        """还可以申请入驻的学校。"""
        schools = SchoolOf.active().exclude(pk__in=_employer(request).admissions.values("school_id"))
        return Response(list(schools.values("id", "name")))

    @extend_schema(request=AdmissionIn, responses={201: RecordOut, 400: ErrorOut, 403: ErrorOut, 409: ErrorOut})
    def post(self, request: Request) -> Response:
        """建立入驻申请；随后用 /api/matters/employeradmission/ 填写并提交。"""
        employer = _employer(request)
        given = AdmissionIn(data=request.data)
        given.is_valid(raise_exception=True)
        key = given.validated_data["school"]
        school = SchoolOf.active().filter(pk=key).first() if 0 < key < 2**63 else None
        if school is None:
            raise Invalid({"school": "没有这所学校，请重新选择。"})
        made = admission.apply(employer, school, request.user)
        record = find(request.user, EmployerAdmission, made.pk)
        return Response(of_sheet(Sheet(record, request.user)), status=201)
