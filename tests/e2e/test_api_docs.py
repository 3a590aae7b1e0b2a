"""The documentation of the HTTP API, under the product's content policy."""


def test_it_lists_the_operations_from_this_server_alone(site):
    site.log_in(site.world.alice)
    site.page.goto(f"{site.url}/api/v1/docs/")
    site.page.get_by_text("/api/v1/assignments/{id}/submit/").wait_for()
