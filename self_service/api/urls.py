"""The API. Every matter gets its resource from its declaration."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from self_service.api import signing
from self_service.api.account import ContactCodeView, ContactView, MeView, NoticeViewSet, PasswordView
from self_service.api.codes import CodesView
from self_service.api.docs import docs
from self_service.api.employers import AdmissionsView, EmployersView
from self_service.api.matters import viewset
from workflows.chain import matters

router = SimpleRouter()
router.register("notices", NoticeViewSet, basename="api-notice")
for model in matters():
    router.register(f"matters/{model._meta.model_name}", viewset(model), basename=f"api-{model._meta.model_name}")

urlpatterns = [
    path("me/", MeView.as_view(), name="api-me"),
    path("me/contact/", ContactView.as_view(), name="api-contact"),
    path("me/contact/code/", ContactCodeView.as_view(), name="api-contact-code"),
    path("me/password/", PasswordView.as_view(), name="api-password"),
    path("codes/<slug:key>/", CodesView.as_view(), name="api-codes"),
    path("employers/", EmployersView.as_view(), name="api-employers"),
    path("employer/admissions/", AdmissionsView.as_view(), name="api-employer-admissions"),
    path("signing/", signing.SigningView.as_view(), name="api-signing"),
    path("signing/phone/", signing.PhoneView.as_view(), name="api-signing-phone"),
    path("signing/agreement/", signing.PaperView.as_view(), name="api-signing-agreement"),
    path("signing/terminations/", signing.EndView.as_view(), name="api-signing-terminations"),
    re_path(
        r"^signing/offers/(?P<pk>\d{1,18})/(?P<deed>accept|refuse|step-back)/$",
        signing.OfferView.as_view(),
        name="api-signing-offer",
    ),
    path("employer/students/", signing.FindView.as_view(), name="api-employer-students"),
    path("employer/offers/", signing.OffersView.as_view(), name="api-employer-offers"),
    re_path(r"^employer/offers/(?P<pk>\d{1,18})/recall/$", signing.RecallView.as_view(), name="api-employer-recall"),
    path("employer/agreements/", signing.EmployerAgreementsView.as_view(), name="api-employer-agreements"),
    re_path(
        r"^employer/agreements/(?P<pk>\d{1,18})/(?P<deed>seal|terminate)/$",
        signing.EmployerDeedView.as_view(),
        name="api-employer-deed",
    ),
    re_path(
        r"^employer/terminations/(?P<pk>\d{1,18})/answer/$", signing.AnswerView.as_view(), name="api-employer-answer"
    ),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs, name="api-docs"),
    *router.urls,
]
