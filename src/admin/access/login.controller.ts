import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { Accounts } from './accounts.ts';
import { type LoginForm, loginFormSchema } from './schemas.ts';

@ApiTags('admin')
@ApiProblems('internal')
@Controller(`${ADMIN_API_PATH}login`)
export class LoginController {
  constructor(private readonly accounts: Accounts) {}

  @Get()
  @ApiOperation({ operationId: 'adminLoginForm', summary: 'What a login needs', description: 'Needs no login.' })
  @ApiOkResponse({ description: 'The fields of the login', standardSchema: loginFormSchema })
  form(): LoginForm {
    const { areNamed, havePasswords, openId } = this.accounts;
    return { has_passwords: havePasswords, has_names: areNamed, openid: openId && { label: openId.label } };
  }
}
