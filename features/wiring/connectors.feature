@wiring
Feature: Each connector carries what it should and nothing else
  What crosses from one database to another is decided by seven files, and can be read off the topics.

  Scenario: The seven connectors are running
    Then the connectors are running
      | signupconnector              | source |
      | mongonewuserconnector        | source |
      | login-sink-connector         | sink   |
      | loginconnector               | source |
      | resetpassword-sink-connector | sink   |
      | signup-sink-connector        | sink   |
      | resetpasswordconnector       | source |

  Scenario Outline: The topic <topic> carries these columns only
    Given ada has gone the whole way
    Then the records of ada in "<topic>" have the fields "<fields>"
    Examples:
      | topic          | fields                                                                                                                                                       |
      | users          | id,email,password,fullName,address,phoneNo,gender,userRole,User_status,reason_for_inactive,firstvisit,last_changed_PW,regDate,pw_version                     |
      | login_db.users | id,email,fullName,address,phoneNo,gender,userRole,User_status,reason_for_inactive,firstvisit,last_changed_PW,regDate,auth_token,pw_version                  |
      | rpwd_db.users  | id,email,password,chosen_version,last_changed_PW                                                                                                            |

  Scenario: A suspension crosses with its seven columns
    Given ada is suspended
    Then the suspension of ada in "login_db.suspended_users" has the fields "id,email,user_id,reason,suspended_at,suspended_until,lifted_at"

  Scenario: The copies hold only what their service needs
    Given ada has signed up with a full profile
    And ada has an active account
    And ada is logged in
    Then ada's profile is nowhere but in signup_db
    And ada's password hash is in signup_db and login_db only

  Scenario: No password and no session token is in any topic
    Given ada has gone the whole way
    Then no topic has carried ada's password, session token or links

  Scenario: A paused sink catches up
    Given ada has signed up
    When the connector "login-sink-connector" is paused
    And ada follows the link
    Then ada is ACTIVE in signup_db
    And ada is still INACTIVE in login_db
    When the connector "login-sink-connector" is resumed
    Then ada is ACTIVE in login_db
