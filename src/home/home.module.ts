import { Module } from '@nestjs/common';
import { HomeController } from './home.controller.ts';

/** What the address of the service itself shows. */
@Module({ controllers: [HomeController] })
export class HomeModule {}
