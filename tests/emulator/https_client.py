"""A client in a process of its own: the real login and the real SDK, told of the emulator by its environment only."""

import asyncio
import json
import os
import sys

import aiohttp
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.compute.models import CreationData, Snapshot, SnapshotProperties

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"


def credential(way: str) -> DefaultAzureCredential | ClientSecretCredential:
    if way == "default":
        return DefaultAzureCredential()
    secret = os.environ["IDENTITY_HEADER"]
    return ClientSecretCredential(
        "99999999-9999-4999-8999-999999999999", "somebody", secret, disable_instance_discovery=True
    )


async def main(way: str) -> None:
    cloud = os.environ["DISKGUARD_CLOUD"]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{cloud}/metadata/endpoints?api-version=2022-09-01") as answer,
    ):
        audience = (await answer.json())["authentication"]["audiences"][0]
    async with (
        credential(way) as login,
        ComputeManagementClient(
            login,
            SUBSCRIPTION,
            base_url=cloud,
            credential_scopes=[f"{audience}/.default"],
            polling_interval=0.1,
        ) as compute,
    ):
        names = [vm.name async for vm in compute.virtual_machines.list_all()]
        disk = await compute.disks.get(os.environ["VM_GROUP"], f"{names[0]}-os")
        source = CreationData(create_option="Copy", source_resource_id=disk.id)
        properties = SnapshotProperties(incremental=True, creation_data=source)
        body = Snapshot(location=disk.location, properties=properties)
        poller = await compute.snapshots.begin_create_or_update(
            os.environ["VM_GROUP"], "over-https", body
        )
        made = await poller.result()
    sys.stdout.write(json.dumps({"vms": names, "snapshot": made.provisioning_state}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
