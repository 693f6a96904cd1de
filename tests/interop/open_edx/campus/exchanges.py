"""Keeps account of what was asked of the services, so that a test can count requests."""
from campus.models import Exchange


class Recorder:
    """Notes each exchange with the services, outside of the request's transaction: a refusal is kept too."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.path.startswith("/api/"):
            Exchange.objects.create(method=request.method, path=request.path[:255], status=response.status_code)
        return response
