"""Stock API: a plain DRF view with a ModelSerializer of depth 1 on the student's own record."""

from __future__ import annotations

from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.serializers import ModelSerializer

from models.students.models import GraduateProfile


class StockSerializer(ModelSerializer):
    """Every field, relations one level deep."""

    class Meta:
        model = GraduateProfile
        fields = "__all__"
        depth = 1
        read_only_fields = ("status",)


class StockProfile(RetrieveUpdateAPIView):
    """GET and PATCH of the record of whoever is logged in."""

    serializer_class = StockSerializer

    def get_object(self) -> GraduateProfile:
        return GraduateProfile.objects.get(student__user=self.request.user)
