"""The least that the tutorial needs: no database, no templates. The one middleware sets Content-Length,
without which runserver closes every connection."""

SECRET_KEY = "only for benchmarks on the loopback address"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "tutorial.urls"
USE_TZ = True
LOGGING_CONFIG = None  # no access log, like the other servers
