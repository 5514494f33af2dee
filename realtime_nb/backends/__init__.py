"""What `backend=` means: `"auto"`, `"openai"`, `"azure"`, `"local"` or a URL, as an address with credentials.

Each key goes to one host only: `OPENAI_API_KEY` to OpenAI, or to `OPENAI_BASE_URL` if that is set; the keys of Azure's
variables to the Azure endpoint; the keys of local models to the servers of these models, from the local server's
process; any other address receives only a key that was passed for it.
"""

from realtime_nb.backends.backend import Backend as Backend
from realtime_nb.backends.client_secret import create_client_secret as create_client_secret
from realtime_nb.backends.connection import connect as connect
from realtime_nb.backends.connector import BackendConnector as BackendConnector
from realtime_nb.backends.connector import connector_of as connector_of
from realtime_nb.backends.endpoint import Endpoint as Endpoint
from realtime_nb.backends.local import identity_at as identity_at
from realtime_nb.backends.local import stop_local as stop_local
from realtime_nb.backends.selection import address_and_billing as address_and_billing
from realtime_nb.backends.selection import local_backend as local_backend
from realtime_nb.backends.selection import resolve as resolve
