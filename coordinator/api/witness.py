from fastapi import APIRouter

router = APIRouter(prefix="/witness", tags=["witness"])
