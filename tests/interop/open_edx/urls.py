"""The consumer's services where Open edX has them, and the campus beside them."""
from django.urls import include, path

from campus import views

urlpatterns = [
    path("api/", include("lti_consumer.plugin.urls", namespace="lti_consumer")),
    path("campus/courses", views.courses),
    path("campus/courses/<int:number>", views.course),
]
