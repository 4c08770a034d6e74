"""A Django application with its usual middleware: a view that fails, and a template that does not compile."""

from pathlib import Path

import httpx
import sentry_sdk
import wire
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.test import Client
from django.urls import path

assert wire
Path("broken.html").write_text("<h1>Order</h1>\n<p>{{ order }}</p>\n{% nonsense %}\n<p>The end</p>\n")
sentry_sdk.init(
    debug=True, send_default_pii=True, traces_sample_rate=1.0, profiles_sample_rate=1.0, enable_logs=True
)


def pay(request: HttpRequest, order: int) -> HttpResponse:
    rows = {"amount": request.POST["amount"], "users": User.objects.count()}
    try:
        return HttpResponse(rows["price"])
    except KeyError as error:
        raise RuntimeError(f"order {order} has no price") from error


def show(request: HttpRequest) -> HttpResponse:
    return render(request, "broken.html", {"order": 17})


urlpatterns = [path("orders/<int:order>/pay", pay), path("show", show)]
settings.configure(
    SECRET_KEY="a secret key of a test",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["shop.example"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": ["."],
            "OPTIONS": {"debug": True},
        }
    ],
)
application = get_wsgi_application()
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402

User = get_user_model()
call_command("migrate", verbosity=0)
browser = Client()
browser.force_login(User.objects.create_user("ann", "ann@shop.example", "a password"))
transport = httpx.WSGITransport(application, raise_app_exceptions=False)
with httpx.Client(transport=transport, base_url="http://shop.example") as client:
    client.cookies["sessionid"] = browser.cookies["sessionid"].value
    said = {"amount": "3", "password": "hunter2"}
    answer = client.post("/orders/17/pay?step=2", data=said, headers={"Authorization": "Basic YW5uOng="})
    assert answer.status_code == 500
    assert client.get("/show").status_code == 500
